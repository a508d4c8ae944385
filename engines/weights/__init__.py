"""The files of models: which one suits the machine, where they can be had, how they are fetched and checked."""
