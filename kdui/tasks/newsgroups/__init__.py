"""20 Newsgroups: messages of 1993 by newsgroup."""
