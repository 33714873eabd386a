"""Templates: prompts that differ in names, numbers, passages or a few words get one id.

A prompt becomes tokens, with marks for numbers, addresses and the like. Short prompts become templates by the
surroundings of their words, long ones by the runs of words that many prompts have. Everything is counted in
tables of fixed size, so that memory is bounded and the order of rows does not matter.
"""
