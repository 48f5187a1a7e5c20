"""How other dialers pace, as policies in our harness: rebuilt from a description of what each does, to compare with.

They learn from the same events and the same snapshot as ours. None of them keeps a state over a restart.
"""
