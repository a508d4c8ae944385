"""One conversation: run_turn(), the history, the service that every adapter calls."""
