/* QHash, QSet and QMultiHash, of Qt 5 or Qt 6. */
#include <QHash>
#include <QSet>
#include <QString>

#include "truth.h"

template <class Table, class Step> static void watched(Table &table, Step step)
{
    size_t before = static_cast<size_t>(table.capacity());

    step();
    truth_change(before, static_cast<size_t>(table.capacity()), 1);
}

int main()
{
    QHash<int, int> numbers;
    QHash<QString, int> strings;
    QSet<int> set;
    QMultiHash<int, int> many;

    for (int i = 0; i < 20000; i++) {
        watched(numbers, [&] { numbers[i] = i; });
        watched(strings, [&] { strings.insert(QString::number(i), i); });
        watched(set, [&] { set.insert(i); });
        watched(many, [&] { many.insert(i / 2, i); });
    }
    for (int i = 0; i < 19990; i++)
        watched(numbers, [&] { numbers.remove(i); });
    watched(set, [&] { set.reserve(200000); });
    watched(set, [&] { set.squeeze(); });
    truth_print();
}
