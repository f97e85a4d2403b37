//! Compares a trace with a fingerprint: the list of reasons. Pure.
