"""`make bench-pacing`: how busy agents are and how many answers are lost, with ours, with others' pacing, at best."""
