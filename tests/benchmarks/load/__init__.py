"""The daemon at its limit: many agents, a fast carrier, one small machine, as long as asked."""
