"""Pretrained networks whose weights come with the package: run by OpenCV, without torch and without a download."""
