//! L3: the only module that touches the user's files. Does not know the store.
