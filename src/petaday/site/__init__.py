"""One site: its watts, its weather, its carbon and its money."""
