"""The forms in which people keep the names of their classes."""

from __future__ import annotations

import json

import pytest

from explainers.core.errors import VitrineError
from explainers.models import read_labels

ANIMALS = ("cat", "dog, domestic", "emu")


@pytest.mark.parametrize(
    "text",
    [
        "cat\ndog, domestic\nemu\n",
        "\ufeffcat\r\n\r\n  dog, domestic  \r\nemu",
        "1: dog, domestic\n0: cat\n2: emu\n",
        "0\tcat\n1\tdog, domestic\n2\temu",
        json.dumps(ANIMALS),
        json.dumps({"2": "emu", "0": "cat", "1": "dog, domestic"}),
        json.dumps({"0": ["n1", "cat"], "1": ["n2", "dog, domestic"], "2": ["n3", "emu"]}),
        json.dumps({"cat": 0, "emu": 2, "dog, domestic": 1}),
        "{0: 'cat',\n 1: 'dog, domestic',\n 2: 'emu'}",
    ],
)
def test_every_form_gives_the_same_names(tmp_path, text):
    path = tmp_path / "labels.txt"
    path.write_text(text, "utf-8")
    assert read_labels(path, 3) == ANIMALS
    assert read_labels(str(path)) == ANIMALS


@pytest.mark.parametrize(
    "text",
    [
        'cat\n"dog, domestic"\nemu\n',
        'name\ncat\n"dog, domestic"\nemu\n',
        '1,"dog, domestic"\n0,cat\n\n2,emu\n',
        'index,label\r\n0,cat\r\n1,"dog, domestic"\r\n2,emu\r\n',
        'class,id\ncat,0\n"dog, domestic",1\nemu,2\n',
    ],
)
def test_every_form_of_a_table_gives_the_same_names(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text, "utf-8")
    assert read_labels(path, 3) == ANIMALS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "labels.csv should have one column of names, or one of numbers and one of names."),
        (
            "0,cat,feline\n1,dog,canine",
            "labels.csv should have one column of names, or one of numbers and one of names.",
        ),
        ("n1,cat\nn2,dog", "labels.csv should have one column of numbers beside the one of names."),
        ("0,cat\n2,dog", "labels.csv numbers its labels up to 2, but has none for 1; they count from 0."),
        ("cat\ndog", "labels.csv has 2 labels, but the model has 3 outputs."),
    ],
)
def test_what_is_wrong_with_a_table_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "labels.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(VitrineError) as caught:
        read_labels(path, 3)
    assert str(caught.value) == sentence


def test_a_sequence_is_taken_as_it_is():
    assert read_labels(["a", "b"], 2) == ("a", "b")


def test_names_may_begin_with_numbers(tmp_path):
    path = tmp_path / "signs.txt"
    path.write_text("30: limit\n50: limit\nstop\n")
    assert read_labels(path, 3) == ("30: limit", "50: limit", "stop")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\nb\n", "labels.txt has 2 labels, but the model has 3 outputs."),
        (
            "background\na\nb\nc",
            "labels.txt has 4 labels, but the model has 3 outputs; its first, 'background', is "
            "probably not one of the model's classes: leave it out.",
        ),
        ("  \n", "labels.txt has no labels in it."),
        ('["a", ', "labels.txt begins like JSON, but is not"),
        ('{"a": [1]}', "labels.txt should be a list of names"),
        ('{"²": "a"}', "labels.txt should be a list of names"),
        ("[" * 100_000, "labels.txt begins like JSON, but is not"),
        ("0: a\n1: b\n3: c", "labels.txt numbers its labels up to 3, but has none for 2; they count from 0."),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, text, sentence):
    path = tmp_path / "labels.txt"
    path.write_text(text)
    with pytest.raises(VitrineError) as caught:
        read_labels(path, 3)
    assert str(caught.value).startswith(sentence)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(VitrineError, match="There is no file of labels"):
        read_labels(tmp_path / "none.txt")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(VitrineError, match="not UTF-8"):
        read_labels(tmp_path / "photo.jpg")
    with pytest.raises(VitrineError, match="cannot be read"):
        read_labels(tmp_path)


def test_a_real_file_with_a_background_class(shared_fixtures):
    with pytest.raises(VitrineError, match=r"1001 labels, but the model has 1000 outputs; its first, 'background'"):
        read_labels(shared_fixtures / "tflite/imagenet_labels.txt", 1000)
    assert read_labels(shared_fixtures / "tflite/imagenet_labels.txt")[1] == "tench, Tinca tinca"
