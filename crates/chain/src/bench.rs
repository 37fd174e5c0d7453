//! (figures, below)
