"""Networks over media: EfficientNet-Lite2 with its weights, run by OpenCV; torch modules, imported when needed."""
