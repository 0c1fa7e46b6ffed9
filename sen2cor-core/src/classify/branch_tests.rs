//! Every branch of the decision tree by a pixel that takes it, and its neighbour that just does not.
