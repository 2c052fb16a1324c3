"""Live feeds: providers speak their libraries, the assembler makes slices by the calendar, the feed joins the two."""
