"""The dialer shown at work on this machine: real daemon, emulated carrier, simulated agents, an audit at the end."""
