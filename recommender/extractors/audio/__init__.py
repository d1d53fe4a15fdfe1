"""What a waveform measures: loudness, rhythm, spectrum, harmony, tempo, key and an acoustic fingerprint."""
