"""Packaged class vocabularies, group maps and original labels.

- ``imagenet.csv``: the 1,000 classes of ILSVRC2012; the index counts the sorted WordNet ids.
  Ids, lemmas and glosses are those of WordNet 3.0 (Princeton University, WordNet licence), in
  the order that timm packages (``imagenet_synsets.txt``). The name is the synset's first lemma,
  or another lemma or a word in brackets where the first would name two classes or mislead.
- ``imagenet_synonyms.csv``: all lemmas of each of these synsets, in WordNet's order, as timm packages them
  (``imagenet_synset_to_lemma.txt``).
- ``imagenet9.csv``: the 370 classes of ImageNet-9 (Xiao et al. 2020) after MadryLab/
  backgrounds_challenge, ``in_to_in9.json``, its odd gaps kept (Italian greyhound, whippet,
  domestic cats, game birds and school bus lie in no group). Groups in the paper's order, 0 to 8.
- ``superclasses.csv``: the 11 superclasses of Tsipras et al. 2020 after MadryLab/
  ImageNetMultiLabel, ``superclasses.npy``, in its order; its "inverterbrates" is spelled right.
- ``imagenet_validation.txt``: the class index of each of ILSVRC2012's 50,000 validation images, in
  the order of their numbers, after cleanlab/label-errors, ``imagenet_val_set_original_labels.npy``.
"""
