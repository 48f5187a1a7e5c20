"""The fault lab: real processes killed, cut off and misled by a seed's schedule, judged by the carrier's journal."""
