"""QR codes of addresses, as SVG (ISO/IEC 18004, byte mode, error correction level M, versions 1 to 10).

Rule. The text goes into the smallest version that holds it, 213 bytes at most. Data are cut into blocks, each block gets
its Reed-Solomon remainder over GF(2^8), and the blocks are interleaved. The eight masks are scored by the standard's four
penalties and the best is kept. A black module is one unit; four units of quiet zone stand round the symbol.
"""

from __future__ import annotations

from amana import errors

QUIET = 4  # modules
MOST = 213  # bytes in version 10 at level M
# Level M, by version from 1: error correction codewords of each block, then (blocks, data codewords) of each group.
_BLOCKS: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = (
    (10, ((1, 16),)),
    (16, ((1, 28),)),
    (26, ((1, 44),)),
    (18, ((2, 32),)),
    (24, ((2, 43),)),
    (16, ((4, 27),)),
    (18, ((4, 31),)),
    (22, ((2, 38), (2, 39))),
    (22, ((3, 36), (2, 37))),
    (26, ((4, 43), (1, 44))),
)
_ALIGNED: tuple[tuple[int, ...], ...] = (
    (),
    (6, 18),
    (6, 22),
    (6, 26),
    (6, 30),
    (6, 34),
    (6, 22, 38),
    (6, 24, 42),
    (6, 26, 46),
    (6, 28, 50),
)
_LEVEL_M = 0b00
Grid = list[list[int]]  # 0 white, 1 black; -1 not set yet


def svg(text: str) -> str:
    """The code of a text as an SVG document. Raises BadInput for more than `MOST` bytes."""
    modules = matrix(text)
    size = len(modules) + 2 * QUIET
    path = "".join(
        f"M{column + QUIET} {row + QUIET}h1v1h-1z"
        for row, line in enumerate(modules)
        for column, black in enumerate(line)
        if black
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}"/></svg>'
    )


def matrix(text: str) -> Grid:
    """The modules of a text's code, row by row, without the quiet zone. Raises BadInput as `svg`."""
    data = text.encode()
    version = next((v for v in range(1, 11) if len(data) <= _capacity(v)), 0)
    if not version:
        raise errors.BadInput("The text is too long for a QR code", expected=f"at most {MOST} bytes")
    blank = _patterns(version)
    bits = _interleaved(version, _codewords(version, data))
    drawn = [_masked(version, blank, bits, mask) for mask in range(8)]
    return min(drawn, key=_penalty)


def _capacity(version: int) -> int:
    header = 12 if version < 10 else 20  # mode and count bits
    return (_data_size(version) * 8 - header) // 8


def _data_size(version: int) -> int:
    return sum(blocks * size for blocks, size in _BLOCKS[version - 1][1])


def _codewords(version: int, data: bytes) -> bytes:
    """Mode, count, data, terminator and padding."""
    count = 8 if version < 10 else 16
    bits = f"0100{len(data):0{count}b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    bits += "0" * (-len(bits) % 8)
    size = _data_size(version)
    words = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))[:size]
    return words + (b"\xec\x11" * size)[: size - len(words)]


def _interleaved(version: int, words: bytes) -> str:
    """Data and error correction codewords of all blocks, interleaved, as bits."""
    correction, groups = _BLOCKS[version - 1]
    blocks: list[bytes] = []
    at = 0
    for number, size in groups:
        for _ in range(number):
            blocks.append(words[at : at + size])
            at += size
    checks = [_remainder(block, correction) for block in blocks]
    longest = max(len(block) for block in blocks)
    ordered = [block[i] for i in range(longest) for block in blocks if i < len(block)]
    ordered += [check[i] for i in range(correction) for check in checks]
    return "".join(f"{word:08b}" for word in ordered)


def _field() -> tuple[list[int], list[int]]:
    powers, logs = [0] * 512, [0] * 256
    value = 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logs[value] = exponent
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    return powers, logs


_POWERS, _LOGS = _field()


def _times(one: int, other: int) -> int:
    return _POWERS[_LOGS[one] + _LOGS[other]] if one and other else 0


def _remainder(block: bytes, degree: int) -> list[int]:
    """The Reed-Solomon codewords of a block."""
    generator = [1]
    for exponent in range(degree):
        shifted = [*generator, 0]
        for index, term in enumerate(generator):
            shifted[index + 1] ^= _times(term, _POWERS[exponent])
        generator = shifted
    rest = [*block, *[0] * degree]
    for index in range(len(block)):
        factor = rest[index]
        for step, term in enumerate(generator):
            rest[index + step] ^= _times(term, factor)
    return rest[len(block) :]


def _patterns(version: int) -> Grid:
    """The symbol with its fixed patterns; format and version areas hold zeros for now."""
    size = 17 + 4 * version
    grid = [[-1] * size for _ in range(size)]
    for row, column in ((0, 0), (0, size - 7), (size - 7, 0)):
        _finder(grid, row, column)
    for at in range(8, size - 8):
        grid[6][at] = grid[at][6] = 1 - at % 2
    centres = _ALIGNED[version - 1]
    for row in centres:
        for column in centres:
            if (row, column) not in ((6, 6), (6, centres[-1]), (centres[-1], 6)):  # finders stand there
                _alignment(grid, row, column)
    for at in range(9):
        for row, column in ((8, at), (at, 8)):
            grid[row][column] = max(grid[row][column], 0)
    for at in range(8):
        grid[8][size - 1 - at] = grid[size - 1 - at][8] = 0
    grid[size - 8][8] = 1
    if version >= 7:
        _version(grid, version)
    return grid


def _finder(grid: Grid, top: int, left: int) -> None:
    size = len(grid)
    for row in range(-1, 8):
        for column in range(-1, 8):
            if 0 <= top + row < size and 0 <= left + column < size:
                ring = max(abs(row - 3), abs(column - 3))
                grid[top + row][left + column] = int(ring in (0, 1, 3))


def _alignment(grid: Grid, row: int, column: int) -> None:
    for down in range(-2, 3):
        for across in range(-2, 3):
            grid[row + down][column + across] = int(max(abs(down), abs(across)) != 1)


def _version(grid: Grid, version: int) -> None:
    bits = version << 12 | _checksum(version, 12, 0x1F25)
    size = len(grid)
    for at in range(18):
        bit = bits >> at & 1
        grid[at // 3][size - 11 + at % 3] = grid[size - 11 + at % 3][at // 3] = bit


def _checksum(value: int, degree: int, generator: int) -> int:
    """The BCH remainder of a value."""
    rest = value << degree
    while rest.bit_length() > degree:
        rest ^= generator << (rest.bit_length() - degree - 1)
    return rest


def _format(grid: Grid, mask: int) -> None:
    value = _LEVEL_M << 3 | mask
    bits = (value << 10 | _checksum(value, 10, 0x537)) ^ 0x5412
    size = len(grid)
    first = [(8, at) for at in (0, 1, 2, 3, 4, 5, 7, 8)] + [(at, 8) for at in (7, 5, 4, 3, 2, 1, 0)]
    second = [(size - 1 - at, 8) for at in range(7)] + [(8, size - 8 + at) for at in range(8)]
    for places in (first, second):
        for at, (row, column) in enumerate(places):
            grid[row][column] = bits >> 14 - at & 1


def _masked(version: int, blank: Grid, bits: str, mask: int) -> Grid:
    """The symbol with its data under one mask."""
    grid = [list(line) for line in blank]
    size = len(grid)
    stream = iter(bits)
    upwards = True
    for right in (*range(size - 1, 6, -2), 5, 3, 1):
        for step in range(size):
            row = size - 1 - step if upwards else step
            for column in (right, right - 1):
                if blank[row][column] == -1:
                    grid[row][column] = int(next(stream, "0")) ^ _mask(mask, row, column)
        upwards = not upwards
    _format(grid, mask)
    return grid


def _mask(mask: int, row: int, column: int) -> int:
    product = row * column
    flips = (
        (row + column) % 2,
        row % 2,
        column % 3,
        (row + column) % 3,
        (row // 2 + column // 3) % 2,
        product % 2 + product % 3,
        (product % 2 + product % 3) % 2,
        ((row + column) % 2 + product % 3) % 2,
    )
    return int(flips[mask] == 0)


def _penalty(grid: Grid) -> int:
    """The standard's score of a symbol: runs, blocks, patterns like a finder's, and balance."""
    size = len(grid)
    lines = ["".join(map(str, line)) for line in [*grid, *map(list, zip(*grid, strict=True))]]
    score = 0
    for line in lines:
        score += sum(
            len(run) - 2 for run in line.replace("01", "0 1").replace("10", "1 0").split() if len(run) > 4
        )
        for at in range(size - 10):
            score += 40 * (line[at : at + 11] in ("10111010000", "00001011101"))
    for row in range(size - 1):
        for column in range(size - 1):
            four = (
                grid[row][column] + grid[row][column + 1] + grid[row + 1][column] + grid[row + 1][column + 1]
            )
            score += 3 * (four in (0, 4))
    black = sum(map(sum, grid))
    return score + 10 * int(abs(black * 20 - size * size * 10) / (size * size))
