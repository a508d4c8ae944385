"""Access control of everything that is served: one policy, one guard in front of it, and what both know of hosts, limits and headers."""
