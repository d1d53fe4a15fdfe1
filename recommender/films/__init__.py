"""A score for a whole film: its scenes, the music cue of each, and how the cues lie under the film."""
