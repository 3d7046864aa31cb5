"""What is on disk: atomic creation, zarr arrays of many images, and the contracts built from them."""
