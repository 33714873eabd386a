"""Made-up worlds of known truth: ordinary people and organisations, campaigns, and what hides them.

Cohorts in the truth: `individual`, `household`, `tool` (users of a popular tool), `club`, `enterprise`,
`university`, `reseller`, `campaign`, `proxy_customer`, `decoy`, `cell`, `lone_card`, `lone_exit`. A group is
what belongs together: a family, a company, a campaign; a decoy's is its gang, a cell's the whole operation.
Infrastructure is what accounts stand behind: `proxy-00000`, `cell-00012`, `town-00007`, or nothing. The truth
also counts the exchanges of each account over all nights, and `group_nights.parquet` those of each group by
night, with the accounts that were active.
"""

from clustergraph.simulation.generate import Progress, simulate
from clustergraph.simulation.world import World

__all__ = ["Progress", "World", "simulate"]
