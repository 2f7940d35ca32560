"""README's code runs, and prints what README says it prints."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")

LABELLED = "text,nato,ceasefire\nUkraine's place is in NATO.,favor,unrelated\nThe guns must fall silent today.,unrelated,favor\n"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.M | re.S)


@pytest.mark.parametrize("code", blocks("python"), ids=range(len(blocks("python"))))
def test_python_code_runs_and_its_comments_are_true(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labelled.csv").write_text(LABELLED)
    (tmp_path / "statements.csv").write_text('id,text\n1,"The guns must fall silent today."\n')
    names: dict = {}
    for line in re.split(r"\n(?=\S)", code):
        exec(line, names)
        source, _, promised = line.partition("  # ")
        if promised:
            assert repr(eval(source, names)) == promised.strip(), line


def test_the_first_two_commands_set_up_and_test():
    setup, test = (block.strip() for block in blocks("bash")[:2])
    assert setup.startswith("pip install .") and "stance classify" in setup
    assert test.startswith("pip install -e") and test.endswith("pytest")


@pytest.mark.parametrize("session", blocks("console"), ids=range(len(blocks("console"))))
def test_sessions_print_what_readme_shows(session, tmp_path):
    (tmp_path / "labelled.csv").write_text(LABELLED)
    (tmp_path / "statements.csv").write_text('id,text\n1,"The guns must fall silent today."\n')
    for part in re.split(r"^\$ ", session, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        command = re.sub(r"^stance ", f"'{sys.executable}' -c 'from stance.cli import main; main()' ", command)
        command = command.replace("| stance ", f"| '{sys.executable}' -c 'from stance.cli import main; main()' ")
        run = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        printed, promised = run.stdout.split(), shown.split()
        assert len(printed) == len(promised), run.stdout
        for ours, theirs in zip(printed, promised, strict=True):
            if re.fullmatch(r"[01]\.\d+", theirs):  # processors round differently
                assert float(ours) == pytest.approx(float(theirs), abs=0.02)
            else:
                assert re.sub(r"0\.\d+", "#", ours) == re.sub(r"0\.\d+", "#", theirs), run.stdout


def test_the_benchmark_table_is_the_command_s():
    import stance

    shown = {}
    for line in README.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in ("diplomacy", "contrast", "own-issues", "articles") and len(cells) > 4:
            shown[cells[0], cells[2]] = (cells[1], float(cells[3].split()[0]))
    lines = stance.benchmark(baselines=False, samples=20).lines
    assert len(shown) == len(lines)
    for line in lines:
        measured, score = shown[line.benchmark, line.figure]
        assert measured == line.measured and score == pytest.approx(line.score.value, abs=0.01)  # processors round differently
