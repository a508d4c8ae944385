"""Process isolation: an engine works in a process of its own, behind the protocol of its stage."""
