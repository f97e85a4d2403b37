//! What input functions do for every job must not cost more because the table is long.
