"""The Spark engine: the same question over exported files, for data that has outgrown one machine.

Rule. `where` is a Spark master, by default two local threads. Facts and law are exported as Parquet files into a
folder of the process's own; the expression is that of `relation`, written down by Ibis as Spark SQL; the sets come
back as Parquet. A cluster must see the temporary folder. Spark needs Java; without it the engine says so. A session
stays open for the next question and ends with the process.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from pyspark.sql import SparkSession

from amana import errors
from amana.core.plan import Ask, Law
from amana.screening import blocks, relation, terms
from amana.screening.engines import Answer, Columns, Ran

LOCAL = f"local[{blocks.THREADS}]"


class Spark:
    """The engine `spark`."""

    def __init__(self, master: str) -> None:
        if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
            raise errors.BadSettings(
                "The engine spark needs Java", remedy="install Java 17, or set JAVA_HOME"
            )
        self._session = (
            SparkSession.builder.master(master or LOCAL)
            .appName("amana")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.pyspark.python", sys.executable)
            .config("spark.sql.shuffle.partitions", str(blocks.THREADS))
            .config("spark.driver.memory", "2g")
            .getOrCreate()
        )

    def screen(self, facts: Columns, law: Sequence[Law], ask: Ask) -> Answer:
        """The reasons of every person."""
        special = terms.special(law, ask, blocks.constants(facts))
        held = relation.arrow(facts, relation.needed(special), truths=True)
        table = relation.law_table(special)
        query = relation.text(special, held, table, "pyspark")
        with tempfile.TemporaryDirectory(prefix="amana-spark-") as name:
            folder = Path(name)
            self._export(folder, relation.FACTS, held)
            self._export(folder, relation.LAW, table)
            started = time.perf_counter()
            self._session.sql(query).write.parquet(str(folder / "verdict"))
            seconds = time.perf_counter() - started
            found = pq.read_table(folder / "verdict")
        bits = relation.scattered(
            held.num_rows, found[relation.ROW].to_numpy(), found[relation.BITS].to_numpy()
        )
        ran = Ran("spark", f"{pyspark.__version__}, ibis {ibis.__version__}", held.num_rows, seconds)
        return Answer(bits, blocks.distinct(bits), ran)

    def close(self) -> None:
        """End the session."""
        self._session.stop()

    def _export(self, folder: Path, name: str, table: pa.Table) -> None:
        path = folder / f"{name}.parquet"
        pq.write_table(table, path)
        self._session.read.parquet(str(path)).createOrReplaceTempView(name)


def engine(where: str = "") -> Spark:
    """The engine, for `engines.named`."""
    return Spark(where)
