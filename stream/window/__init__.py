"""Event time: panes, watermarks and what was counted since the last commit."""
