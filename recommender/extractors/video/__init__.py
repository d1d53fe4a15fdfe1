"""What a stream of frames measures: colour, texture, composition, motion and cuts."""
