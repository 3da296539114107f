from academics_jupyter.notebook.questions import spell_out_questions

CALL = "get_ipython().run_line_magic('chat', {!r})\n"


def test_questions_are_sent() -> None:
    lines = [
        "%chat ada are you there?\n",
        "  %chat 'Ada L' it's late, isn't it??\n",
        "m = %chat ada why?",
        "chat ada why?",
    ]
    assert spell_out_questions(lines) == [
        CALL.format("ada are you there?"),
        "  " + CALL.format("'Ada L' it's late, isn't it??"),
        "m = " + CALL.format("ada why?"),
        CALL.format("ada why?"),
    ]


def test_everything_else_is_left_alone() -> None:
    for line in ["%chat?", "%chat ??", "%chat ada hello\n", "chat.send?", "chat = 5", "%history ada?", "chat(ada)?"]:
        assert spell_out_questions([line]) == [line]
    cell = ["%%chat ada\n", "%chat ada are you there?\n"]
    assert spell_out_questions(cell) == cell
