"""Chat models: one file per adapter; files that begin with an underscore are what several of them share."""
