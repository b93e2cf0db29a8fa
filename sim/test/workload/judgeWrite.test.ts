import { noAnswer, ok, refused } from "@shardwright/core/Answer"
import { describe, expect, it } from "vitest"
import { ClientModel, absent, present } from "../../src/workload/ClientModel.ts"
import {
  checkedColumn,
  columnsOf,
  deleteRows,
  selectRows,
  updateRows,
  writeRows,
} from "../../src/workload/ClientSql.ts"
import { judgeWrite } from "../../src/workload/judgeWrite.ts"

describe("judgeWrite", () => {
  it("takes a success for an acknowledgement only if it covers every row", () => {
    expect(judgeWrite("insert", [1, 2], ok(2))).toEqual(["acknowledged", "acknowledged"])
    expect(judgeWrite("update", [1, 2], ok(1))).toEqual(["unknown", "unknown"])
    expect(judgeWrite("delete", [1], ok(0))).toEqual(["unknown"])
  })

  it("takes no answer for unknown, unless nobody was there to hear it", () => {
    expect(judgeWrite("insert", [1], noAnswer("timeout"))).toEqual(["unknown"])
    expect(judgeWrite("insert", [1], noAnswer("connection lost"))).toEqual(["unknown"])
    expect(judgeWrite("delete", [1], noAnswer("connection refused"))).toEqual(["refused"])
  })

  it("takes the loss of a quorum for unknown: such a row may be stored", () => {
    const answer = refused("error at PostRollback, code 3 (transaction aborted, server can continue), seqno -1")
    expect(judgeWrite("insert", [1], answer)).toEqual(["unknown"])
    expect(
      judgeWrite(
        "insert",
        [1],
        refused(`remote table 'system.t_s0' at n1:9312 failed: remote error: ${answer.message}`),
      ),
    ).toEqual(["unknown"])
  })

  it("judges rows one by one where the server names those that it processed", () => {
    const answer = refused(
      "remote table 'system.nope_s1' at n2:9312 failed: remote error: table 'system.nope_s1' absent; processed_ids=1,3",
    )
    expect(judgeWrite("insert", [1, 2, 3], answer)).toEqual(["acknowledged", "unknown", "acknowledged"])
  })

  it("takes a refusal for one only if it proves that nothing was done", () => {
    expect(judgeWrite("insert", [1], refused("cluster 'g' is not ready, not primary state (synced)"))).toEqual([
      "refused",
    ])
    expect(
      judgeWrite(
        "insert",
        [1],
        refused("remote table 'system.t_s1' at n3:9312 failed: receiving failure (errno=111, msg=Connection refused)"),
      ),
    ).toEqual(["refused"])
    expect(
      judgeWrite(
        "insert",
        [1],
        refused(
          "remote table 'system.t_s1' at n3:9312 failed: receiving failure (errno=104, msg=Connection reset by peer)",
        ),
      ),
    ).toEqual(["unknown"])
    expect(judgeWrite("insert", [1], refused("something that nobody has seen before"))).toEqual(["unknown"])
    // A DELETE is refused by one shard after another has carried it out (semantics 11).
    expect(
      judgeWrite(
        "delete",
        [1],
        refused("remote table 'system.t_s1' at n3:9312 failed: receiving failure (errno=111, msg=Connection refused)"),
      ),
    ).toEqual(["unknown"])
  })
})

describe("ClientModel", () => {
  it("knows a row by its last acknowledged write", () => {
    const model = new ClientModel("t")
    model.settle(1, present(1), "acknowledged", 10, true)
    model.settle(1, present(2), "acknowledged", 20, true)
    expect(model.rows.get(1)).toMatchObject({ possible: [present(2)], acknowledged: true, retired: false })
    model.settle(1, absent, "acknowledged", 30, true)
    expect(model.rows.get(1)).toMatchObject({ possible: [absent], retired: true })
    expect(model.acknowledged).toBe(3)
  })

  it("keeps both states of a row whose write is unknown, and never writes to it again", () => {
    const model = new ClientModel("t")
    model.settle(1, present(1), "acknowledged", 10, true)
    model.settle(1, present(2), "unknown", 20, false)
    expect(model.rows.get(1)).toMatchObject({ possible: [present(1), present(2)], busy: true })
    model.settle(1, present(2), "unknown", 30, true)
    expect(model.rows.get(1)).toMatchObject({ possible: [present(1), present(2)], retired: true, busy: false })
    expect(model.unknown).toBe(1)
  })

  it("is certain again when the repeated write is acknowledged, and leaves the row alone all the same", () => {
    const model = new ClientModel("t")
    model.settle(1, present(2), "unknown", 20, false)
    model.settle(1, present(2), "acknowledged", 30, true)
    expect(model.rows.get(1)).toMatchObject({ possible: [present(2)], retired: true })
  })

  it("is not changed by a refusal, and remembers a row that must not be there", () => {
    const model = new ClientModel("t")
    model.settle(1, present(1), "refused", 10, true)
    expect(model.rows.get(1)).toMatchObject({ possible: [absent], acknowledged: false, retired: true })
    expect(model.acknowledged).toBe(0)
    model.settle(2, present(1), "acknowledged", 10, true)
    model.settle(2, absent, "refused", 10, true)
    expect(model.rows.get(2)).toMatchObject({ possible: [present(1)], retired: false })
  })

  it("measures the longest time without an acknowledgement", () => {
    const model = new ClientModel("t")
    model.sent(100)
    for (const at of [200, 900, 1000]) model.settle(at, present(1), "acknowledged", at, true)
    expect(model.longestGapMicros(1500)).toBe(700)
    expect(model.longestGapMicros(3000)).toBe(2000)
  })
})

describe("ClientSql", () => {
  const columns = columnsOf("title text indexed stored, `Price` float, tags multi, v bigint, j json")

  it("reads the columns of a structure", () => {
    expect(columns).toEqual([
      { name: "title", type: "text" },
      { name: "price", type: "float" },
      { name: "tags", type: "multi" },
      { name: "v", type: "bigint" },
      { name: "j", type: "json" },
    ])
    expect(checkedColumn(columns)).toBe("v")
    expect(checkedColumn(columnsOf("title text"))).toBeUndefined()
  })

  it("renders statements by id", () => {
    expect(writeRows("INSERT", "t", columns, [7, 8], 3)).toBe(
      `INSERT INTO t (id,title,price,tags,v,j) VALUES (7,'row 7 as of 3',3.5,(3,4),3,'{"v":3}'),(8,'row 8 as of 3',3.5,(3,4),3,'{"v":3}')`,
    )
    expect(updateRows("t", "v", [7], 4)).toBe("UPDATE t SET v=4 WHERE id=7")
    expect(deleteRows("t", [7, 8])).toBe("DELETE FROM t WHERE id IN (7,8)")
    expect(selectRows("t", [7, 8], undefined)).toBe("SELECT id FROM t WHERE id IN (7,8) LIMIT 2")
    expect(selectRows("t", [7], "v")).toBe("SELECT id,v FROM t WHERE id=7 LIMIT 1")
  })
})
