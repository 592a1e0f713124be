"""The report: every verdict, figure and table of the study on one page that opens from a file, offline."""
