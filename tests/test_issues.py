import pytest

from stance.errors import IssueError
from stance.issues import KEY_ISSUES, Issue, parse, resolve


def test_no_issues_given_means_all_known_ones():
    assert resolve(None) == KEY_ISSUES


def test_names_and_own_issues_keep_their_order():
    own = Issue("sanctions", "Sanctions on Russia should be lifted.")
    assert [issue.name for issue in resolve(["ceasefire", own, "crimea"])] == ["ceasefire", "sanctions", "crimea"]
    assert resolve("nato") == (KEY_ISSUES[1],)
    assert resolve(own) == (own,)


def test_an_unknown_name_gets_the_nearest_known_one():
    with pytest.raises(IssueError, match=r"unknown issue 'ceasefir'.*did you mean 'ceasefire'"):
        resolve(["ceasefir"])


def test_two_issues_of_one_name_are_refused():
    with pytest.raises(IssueError, match="two issues are named 'nato'"):
        resolve(["nato", Issue("nato", "Something else.")])


@pytest.mark.parametrize("issues", [[], 7, [7], [None]])
def test_what_is_no_issue_is_refused(issues):
    with pytest.raises(IssueError):
        resolve(issues)


@pytest.mark.parametrize("name,proposition", [("", "x"), ("x", ""), ("x", "  \n"), (3, "x"), (" x", "y"), ("a\nb", "y")])
def test_an_issue_needs_a_name_and_a_proposition(name, proposition):
    with pytest.raises(IssueError, match="type"):
        Issue(name, proposition)


def test_the_command_line_form_splits_at_the_first_equals_sign():
    assert parse("grain = Corridor = open, now.") == Issue("grain", "Corridor = open, now.")
    assert parse(" nato ") == "nato"
