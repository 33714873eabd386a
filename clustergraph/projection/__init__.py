"""The projection on accounts: ties between accounts that share more evidence than chance gives.

Pairs are joined exactly, and shuffled copies of the incidence say how much evidence a tie must have.
"""
