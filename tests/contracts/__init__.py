"""A stranger's task, model, problem and modality, as small as they can be, through everything that kdui does with its own."""
