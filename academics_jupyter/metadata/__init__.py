"""What files tell of themselves: titles, authors, keywords, kinds."""
