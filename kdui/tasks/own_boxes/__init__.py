"""A person's own images with boxes around objects: COCO's or Pascal VOC's form."""
