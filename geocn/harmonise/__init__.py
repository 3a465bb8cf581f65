"""Making one language out of many: headers, coordinates, dates, units, drugs, places."""
