"""Draws who watched what: nine of ten films are of the kind that a person likes."""

import numpy as np

from kdui.tasks.histories import Interaction, by_time

PEOPLE, FILMS, KINDS = 240, 40, 4


def load(folder):
    random, watched = np.random.RandomState(3), []
    for person in range(PEOPLE):
        own = np.arange(FILMS) % KINDS == person % KINDS
        films = random.choice(FILMS, 10, replace=False, p=np.where(own, 0.9 / own.sum(), 0.1 / (~own).sum()))
        watched += [Interaction(person, f"Film {film} ({1980 + film})", person + place / 100) for place, film in enumerate(films)]
    return by_time(watched)
