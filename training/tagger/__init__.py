"""The tagger: emotions of media by three models, kept only where all of them agree."""
