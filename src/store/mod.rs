//! L3: the `.rulemake/` directory. Does not know the user's files.
