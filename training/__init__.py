"""Learn and measure: datasets, fitting, evaluation."""
