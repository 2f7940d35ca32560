import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stance.packing import PADDING, pack, pack_each

ids = st.lists(st.integers(3, 99), min_size=2, max_size=12)


@given(st.lists(ids, min_size=1, max_size=5), st.lists(ids, min_size=1, max_size=4))
def test_every_block_is_where_it_says(statements, issues):
    packed = pack(statements, issues)
    for row, statement in enumerate(statements):
        for k, issue in enumerate(issues, 1):
            mine = packed.blocks[row] == k
            assert packed.input_ids[row][mine].tolist() == issue
            # Each block goes on from the statement's end, whatever stands between.
            assert packed.positions[row][mine].tolist() == list(range(len(statement), len(statement) + len(issue)))
            assert packed.read_at[row, k - 1] == np.flatnonzero(mine)[0]
        assert packed.input_ids[row][packed.blocks[row] == 0].tolist() == statement
        assert (packed.blocks[row] == PADDING).sum() == packed.blocks.shape[1] - len(statement) - sum(map(len, issues))


def test_issues_of_each_statement_pack_like_shared_ones():
    statements, issues = [[1, 5, 2], [1, 6, 7, 2]], [[1, 8, 2], [1, 9, 9, 2]]
    one, other = pack(statements, issues), pack_each(statements, [issues, issues])
    for name, array in one.inputs().items():
        assert np.array_equal(array, other.inputs()[name]), name
