"""The incidence: accounts and signals as a bipartite graph, and the evidence that a shared signal is."""
