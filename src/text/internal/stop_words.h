// Function words by language: those that say nothing about a product. Folded (lower case, no diacritics), one
// string each. Deliberately short: a word that may name a product ("can", "will", "over") is not here.
#pragma once

#include <string_view>

#include "text/language.h"

namespace freshet {

struct StopWordList {
  Language language;
  std::string_view words;
};

inline constexpr StopWordList kStopWordLists[] = {
    {Language::kEnglish,
     "a an and are as at be been but by for from had has have he her his how i if in into is it its me my no "
     "nor of on or "
     "our she so some such than that the their them then there these they this those to too us very was we "
     "were what when "
     "where which who why with you your"},
    {Language::kGerman,
     "aber als am an auch auf aus bei bis da das dass dem den der des die doch du durch ein eine einem einen "
     "einer eines er "
     "es fur hat ich ihr im in ist ja kein keine mit nach nicht noch nur oder ohne sich sie sind so uber um "
     "und uns unter "
     "vom von vor war was wenn wer wie wir zu zum zur"},
    {Language::kDutch,
     "aan al als bij dan dat de der deze die dit door een en er haar had heb heeft het hij hoe hun ik in is "
     "je kan maar me "
     "met mijn naar niet nog nu of om onder ons ook op over te tot u uit uw van voor want was wat we wel wij "
     "ze zich zij "
     "zijn zo zonder"},
    {Language::kSwedish,
     "alla att av da de dem den det detta dig din du eller en er ett for fran har hon i in inte jag kan man "
     "med mig min "
     "mot ni nu och om pa sa sig som till under upp ut utan var vi vid"},
    {Language::kNorwegian,
     "alle at av da de deg den det din du eller en er et for fra har hun i ikke jeg kan man med meg min mot "
     "na og om opp "
     "pa sa seg som til under uten ved vi"},
    {Language::kDanish,
     "af alle at da de dem den det dig din du eller en er et for fra har hun i ikke jeg kan man med mig min "
     "mod nar og om "
     "op pa sa sig som til uden under ved vi"},
    {Language::kFinnish,
     "ei ettei etta han hanen ja jo joka jos kun kuin me mika minun mutta ne niin nyt oli on ovat se sen "
     "siina tai tama te vai vain"},
    {Language::kFrench,
     "a au aux avec c ce ces cette d dans de des du elle en est et eux il ils j je l la le les leur lui m ma "
     "mais me mes "
     "mon n ne nos notre nous ou par pas plus pour qu que qui s sa sans se ses son sont sous sur t ta te tes "
     "ton tu un une "
     "vos votre vous y"},
    {Language::kSpanish,
     "a al como con contra de del desde donde el ella en entre era es esta este esto ha hasta la las le les "
     "lo los mas me "
     "mi mis muy no nos o para pero por que se si sin sobre son su sus te tu tus un una unas uno unos y ya"},
    {Language::kItalian,
     "a ad agli ai al alla alle allo che chi ci col come con cui d da dagli dai dal dalla delle dei del "
     "della dello di e "
     "ed gli ha i il in io l la le lo ma mi mia mio ne nei nel nella non o per piu quel questa questo se "
     "senza si sono su "
     "sua sul sulla suo tra tu un una uno"},
    {Language::kPortuguese,
     "a ao aos as ate com como da das de dela dele do dos e ela ele em entre era essa esse esta este eu foi "
     "ha isso isto ja "
     "mais mas me mesmo meu minha na nao nas no nos o os ou para pela pelo por quando que quem sao se sem "
     "ser seu sua so "
     "tem um uma voce"},
    {Language::kRomanian,
     "a ai al ale am ca care ce cel cu da de din dupa e ei el ele este eu fara fi in la le lui mai nu o "
     "pe pentru prin sa sau se si sunt un una unei unui"},
    {Language::kHungarian,
     "a az az be de egy el en es ez ezt ha hogy is itt ki le meg mi mint nagy nem ott s se te ugy "
     "vagy van volt"},
    {Language::kTurkish,
     "ama bir bu da daha de diye en gibi ile icin ise ki mi mu o olan olarak sadece su ve veya ya"},
    {Language::kRussian,
     "а без бы был в во вот все вы да для до его ее если еще же за и из или им их к как ко ли мы на над не "
     "него нее нет ни "
     "но о об он она они от по под при с со так там то только у уже что это я"},
    {Language::kGreek,
     "ο η το οι τα του τησ των τον την και κι σε με για απο στο στη στην στον να που ειναι ενα μια"},
    {Language::kArabic, "في من على الى إلى عن مع هذا هذه و او أو ما لا ان أن"},
    {Language::kChinese, "的 了 和 是 在 与 及 或 也 个"},
    {Language::kJapanese, "の に は を が で と も や へ から まで"},
    {Language::kKorean, "및 의 을 를 이 가 은 는"},
};

}  // namespace freshet
