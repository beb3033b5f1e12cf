"""Boxes in an image that move with the image's views."""

import torch

SEEN = 0.25  # share of a box's area that must stay in the image for its object to count


def moved_boxes(
    targets: torch.Tensor, down: torch.Tensor, right: torch.Tensor, mirrored: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """Boxes [batch, most, 5] (class, left, top, right, bottom in pixels; class 0: none) in views of images of ``size`` (height,
    width) that are moved by ``down`` and ``right`` pixels [batch] and then ``mirrored`` [batch].

    Cut at the image's edge; those of which little is seen become rows of zeros.
    """
    height, width = size
    sides = targets[..., 1:] + torch.stack([right, down, right, down], dim=-1)[:, None]
    left, top, far, bottom = sides.unbind(-1)
    left, far = (torch.where(mirrored[:, None], width - each, other) for each, other in ((far, left), (left, far)))
    cut = torch.stack([left.clamp(0, width), top.clamp(0, height), far.clamp(0, width), bottom.clamp(0, height)], dim=-1)
    seen = (cut[..., 2] - cut[..., 0]) * (cut[..., 3] - cut[..., 1])
    there = (targets[..., 0] > 0) & (seen >= SEEN * (far - left) * (bottom - top)) & (seen > 0)
    return torch.cat([targets[..., :1], cut], dim=-1) * there[..., None]
