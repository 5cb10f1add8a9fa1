/** A list of elements that follows a list of values: made once for each key, kept while its key stays. */

export interface Row<Value> {
  root: HTMLElement;
  update: (value: Value) => void;
}

export class KeyedList<Value, Key> {
  private readonly rows = new Map<Key, Row<Value>>();

  constructor(
    private readonly root: HTMLElement,
    private readonly keyOf: (value: Value, index: number) => Key,
    private readonly make: (value: Value) => Row<Value>,
  ) {}

  /** Makes, moves, updates and removes rows until they stand as the values do. */
  update(values: readonly Value[]): void {
    const keys = values.map(this.keyOf);
    const wanted = new Set(keys);
    for (const [key, row] of this.rows) {
      if (!wanted.has(key)) {
        row.root.remove();
        this.rows.delete(key);
      }
    }
    let place: Element | null = this.root.firstElementChild;
    values.forEach((value, index) => {
      const row = this.row(value, keys[index] as Key); // as: both lists have one length
      if (row.root === place) {
        place = place.nextElementSibling;
      } else {
        this.root.insertBefore(row.root, place);
      }
      row.update(value);
    });
  }

  private row(value: Value, key: Key): Row<Value> {
    const made = this.rows.get(key) ?? this.make(value);
    this.rows.set(key, made);
    return made;
  }
}
