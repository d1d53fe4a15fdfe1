"""Methods of other papers, against which ours are measured."""
