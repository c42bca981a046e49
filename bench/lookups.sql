-- Many schema objects and an in-memory table: SQLite keeps the former in hash tables.
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
INSERT INTO t SELECT i, 'value ' || (i * 7919 % 1000003), i % 977 FROM n;
CREATE INDEX by_b ON t(b);
SELECT count(*), sum(length(b)) FROM t WHERE b > 'value 5';
SELECT c, count(*) FROM t GROUP BY c ORDER BY 2 DESC LIMIT 3;
SELECT count(*) FROM t x JOIN t y ON x.b = y.b WHERE x.a % 7 = 0;
