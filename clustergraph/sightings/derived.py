"""The signals that are derived by default, as data: from which columns, and how.

An expression is SQL over a row of events as `sightings.expressions` describes it: texts are null rather than
empty, addresses are in the form of `sightings.addresses`, and `accounts` has the columns of the table of
accounts. What it gives is a value of the kind; null or empty is not observed.

The shape of a request leaves the model out: who uses the odd settings of one client with three models has one
thing in common with its other users, not three.
"""

from __future__ import annotations

from dataclasses import dataclass

SHOWN = 40  # characters of a part of a request's shape; longer ones are hashed
_DIGEST = "left(md5({0}), 12)"


@dataclass(frozen=True)
class DerivedSignal:
    """A signal that is derived wherever its columns exist.

    Attributes:
        kind: of the signal.
        family: of the kind.
        needs: groups of columns; of each group the input has to have one.
        others: columns that are used where the input has them.
        expression: of the value.
        meaning: what the value is, in a few words.
    """

    kind: str
    family: str
    needs: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]
    expression: str
    meaning: str

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that the expression names."""
        return (*(name for group in self.needs for name in group), *self.others)

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of them that events may have."""
        return tuple(name for name in self.names if "." not in name)


def _digest_long(text: str) -> str:
    return f"CASE WHEN length({text}) > {SHOWN} THEN {_DIGEST.format(text)} ELSE {text} END"


_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
# Four groups at most, since what a /64 leaves out is what `::` stands for.
_IPV6_64 = "([0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,3})?::/64"
_LOCAL_PART = "regexp_extract(lower(email), '^(.+)@[^@]+$', 1)"
_DOMAIN = "regexp_extract(lower(email), '^.+@([^@]+)$', 1)"

DERIVED_SIGNALS = (
    DerivedSignal(
        "ip_prefix",
        "network",
        (("ip",),),
        (),
        f"CASE WHEN regexp_full_match(ip, '{_IPV4}') THEN regexp_replace(ip, '[0-9]+$', '0/24')"
        f" WHEN regexp_full_match(ip, '{_IPV6_64}')"
        " THEN regexp_replace(regexp_extract(ip, '^[0-9a-f]*(:[0-9a-f]+){0,2}'), '(^|:)0(:0)*$', '')"
        " || '::/48' END",
        "the /24 of an IPv4 address, the /48 of an IPv6 one",
    ),
    DerivedSignal("asn", "network", (("asn",),), (), "asn", "the autonomous system of the address"),
    DerivedSignal(
        "card_bin",
        "payment",
        (("card_bin",),),
        ("card_country",),
        "concat_ws(' ', card_bin, CASE WHEN card_bin IS NOT NULL THEN upper(card_country) END)",
        "the first digits of the card, and the issuer's country where it is known",
    ),
    DerivedSignal(
        "email_domain",
        "identity",
        (("email",),),
        (),
        _DOMAIN,
        "what is after the last @, in lower case",
    ),
    DerivedSignal(
        "email_pattern",
        "identity",
        (("email",),),
        (),
        f"array_to_string(list_transform(regexp_extract_all({_LOCAL_PART},"
        r" '\p{L}+|\p{N}+|[^\p{L}\p{N}]'), lambda run: CASE"
        r" WHEN regexp_matches(run, '^\p{L}') THEN 'a' || length(run)"
        r" WHEN regexp_matches(run, '^\p{N}') THEN 'd' || length(run) ELSE run END), '')",
        "the runs of letters (a) and digits (d) before the @, with their lengths",
    ),
    DerivedSignal(
        "signup_burst",
        "identity",
        (("created_at",), ("asn", "accounts.asn")),
        ("timestamp",),
        # Later rows tell where an account works: each of its networks would make a burst of the one hour.
        "strftime(created_at, '%Y-%m-%d %H:00') || ' AS ' || coalesce(accounts.asn, CASE WHEN"
        """ "timestamp" BETWEEN created_at AND created_at + INTERVAL 1 HOUR THEN asn END)""",
        "the hour (UTC) in which the account was created, and its autonomous system, else that of a row of "
        "the hour after",
    ),
    DerivedSignal(
        "request_shape",
        "client",
        (("temperature", "top_p", "max_tokens", "stop", "tools"),),
        ("client_library", "user_agent"),
        "CASE WHEN coalesce(temperature, top_p, max_tokens, stop, tools) IS NOT NULL THEN concat_ws(' ',"
        " 'temperature=' || temperature, 'top_p=' || top_p,"
        f" 'max_tokens=' || max_tokens, 'stop=' || {_digest_long('stop')},"
        f" 'tools=' || {_DIGEST.format('tools')},"
        f" 'client=' || {_digest_long('coalesce(client_library, user_agent)')}) END",
        "parameters, stop sequences, tools and client of a request that sets any parameter",
    ),
)
DEFAULT_EXPRESSIONS = {one.kind: one.expression for one in DERIVED_SIGNALS}
