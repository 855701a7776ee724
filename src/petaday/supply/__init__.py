"""Where chips come from: dies, wafers, memory, packages, and how supply and demand grow."""
