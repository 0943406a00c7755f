"""Files of physical memory, and address spaces over them. Knows paging, no operating system."""
