"""What a linear model on words knows of Reuters topics, as a table: a teacher that kdui knows only by its answers.

scikit-learn's logistic regression on TF-IDF of words and pairs of words; the answers to each fifth of the training texts come
from a model that was fitted on the other four, so they are as unsure as those to new texts. A minute on one core.

python assets/teachers/make_reuters_words.py
"""

from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from kdui.catalogue.tasks import load_task
from kdui.settings import Settings

FOLDS, DIGITS = 5, 3


def main() -> None:
    task, splits = load_task("reuters-r8", Settings.from_environment())[:2]
    train = splits["train"]
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    model = make_pipeline(words, LogisticRegression(C=30, max_iter=1000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    answers = cross_val_predict(model, list(train.inputs), train.targets, cv=folds, method="predict_proba")
    print(f"right on {100 * (answers.argmax(1) == train.targets).mean():.2f} % of {len(answers)} training texts")
    rounded = answers.round(DIGITS)
    rounded[np.arange(len(rounded)), rounded.argmax(1)] += 1 - rounded.sum(1)
    lines = [",".join(f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") for value in row) for row in rounded]
    path = Path(__file__).with_name("reuters-words.csv")
    path.write_text("\n".join([",".join(task.labels), *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
